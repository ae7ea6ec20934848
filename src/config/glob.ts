const cache = new Map<string, RegExp>();

/** Matches a field name against a glob: `*` any characters, `?` one; everything else is literal. */
export function matchesGlob(glob: string, name: string): boolean {
  let pattern = cache.get(glob);
  if (!pattern) {
    const source = glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    pattern = new RegExp(`^${source}$`, 'su');
    cache.set(glob, pattern);
  }
  return pattern.test(name);
}
