import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** How to start the command: as built, which is faster, unless a source is newer than that. */
export const GAUSSITU: readonly string[] = isCurrent()
  ? [process.execPath, BUILT]
  : [process.execPath, '--import', 'tsx', `${SOURCE}/cli/main.ts`];

function isCurrent(): boolean {
  if (!existsSync(BUILT)) return false;
  const built = statSync(BUILT).mtimeMs;
  const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return sources.every((name) => statSync(`${SOURCE}/${name}`).mtimeMs <= built);
}

export interface ServiceEvent {
  event: 'listening' | 'run' | 'step' | 'failed' | 'finished';
  [key: string]: unknown;
}

/** The real `gaussitu serve --json` as a process of its own. */
export class ServiceProcess {
  readonly events: ServiceEvent[] = [];
  stderr = '';
  private waiting: (() => void)[] = [];
  readonly exited: Promise<number | null>;

  private constructor(readonly child: ChildProcess) {
    const { stdout, stderr } = child;
    if (!stdout || !stderr) throw new Error('pipes expected');
    createInterface({ input: stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line) as ServiceEvent);
      for (const wake of this.waiting.splice(0)) wake();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(child, 'close').then(([code]) => {
      for (const wake of this.waiting.splice(0)) wake();
      return code as number | null;
    });
  }

  /** `shell` runs before it in the same process, e.g. `ulimit -f 8`. */
  static start(args: string[], shell?: string): ServiceProcess {
    const line = [...GAUSSITU, 'serve', '--json', ...args];
    const child = shell
      ? spawn('bash', ['-c', `${shell}; exec "$@"`, 'bash', ...line], { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn(line[0] ?? 'node', line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    return new ServiceProcess(child);
  }

  /** Starts it on a free port and waits until it listens; throws what it says when it does not. */
  static async listen(
    args: string[],
    shell?: string,
  ): Promise<{ service: ServiceProcess; endpoint: string }> {
    const service = ServiceProcess.start(['--listen', 'tcp://127.0.0.1:0', ...args], shell);
    const { endpoint } = await service.seen('listening');
    return { service, endpoint: endpoint as string };
  }

  async seen(
    name: ServiceEvent['event'],
    match: (event: ServiceEvent) => boolean = () => true,
  ): Promise<ServiceEvent> {
    for (;;) {
      const found = this.events.find((event) => event.event === name && match(event));
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the service ended without ${name}: ${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
      });
    }
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exited;
  }
}
