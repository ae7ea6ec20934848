/** Record names of a field's components: u; velocity_x, velocity_y, velocity_z; stress_0 ... stress_8. */
export function componentNames(field: string, components: number): string[] {
  if (components === 1) return [field];
  const suffixes = components <= 3 ? ['x', 'y', 'z'] : undefined;
  return Array.from({ length: components }, (_, i) => `${field}_${suffixes?.[i] ?? i}`);
}
