/** At most `count` holders at once; who waits is served by lowest priority number first, then first come. */
export class Slots {
  private readonly waiting: { priority: number; start: () => void }[] = [];
  private free: number;

  constructor(readonly count: number) {
    this.free = count;
  }

  async use<T>(priority: number, work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((start) => this.enqueue({ priority, start }));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next.start();
      else this.free++;
    }
  }

  private enqueue(entry: { priority: number; start: () => void }): void {
    const at = this.waiting.findIndex((other) => other.priority > entry.priority);
    if (at < 0) this.waiting.push(entry);
    else this.waiting.splice(at, 0, entry);
  }
}
