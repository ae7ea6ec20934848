import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

/** A Markdown table, columns padded so that it can be read as it is. */
export function table(header: string[], rows: (string | number)[][]): void {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, c) => Math.max(3, ...cells.map((row) => row[c]!.length)));
  const format = (row: string[]) => `| ${row.map((cell, c) => cell.padEnd(widths[c]!)).join(' | ')} |`;
  const [first, ...rest] = cells.map(format);
  console.log([first, `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...rest].join('\n'), '\n');
}

export function heading(text: string): void {
  console.log(`## ${text}\n`);
}

export function note(text: string): void {
  console.log(`${text}\n`);
}

/** Keeps a row of a table to come and shows it on stderr at once: a bench that is stopped has not been for nothing. */
export function keep(rows: string[][], row: string[]): void {
  rows.push(row);
  process.stderr.write(`  ${row.join(' | ')}\n`);
}

/** A number with fixed decimals, or a dash for what was not measured. */
export function fixed(value: number | undefined, decimals = 2): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(decimals);
}

/** Date, processor, and how busy the machine was: what a timing means nothing without. */
export function machine(instructionSet?: string): void {
  const processors = cpus();
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  note(
    `_${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC · ${processors[0]?.model.trim()}, ` +
      `${processors.length} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB` +
      `${instructionSet ? ` · ${instructionSet}` : ''} · Node ${process.versions.node} · ` +
      `commit ${commit} · load ${loadavg()[0]!.toFixed(1)}_`,
  );
}

export const quick = process.argv.includes('--quick');

/** What follows --NAME= on the command line. */
export function option(name: string): string | undefined {
  const start = `--${name}=`;
  return process.argv.find((argument) => argument.startsWith(start))?.slice(start.length);
}
