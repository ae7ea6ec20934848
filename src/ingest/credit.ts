/**
 * What one rank may still send. The service's balance is never below the client's own (grants are on their way), so a
 * message that comes when the balance is used up was sent by a client that does not keep to the protocol.
 */
export class CreditWindow {
  private balance: number;
  /** Bytes the service holds of this rank, also from its earlier connections. */
  private held = 0;

  constructor(private readonly window: number) {
    this.balance = window;
  }

  /** A new connection starts with what is free of the window; returns that credit. */
  reset(): number {
    this.balance = Math.max(0, this.window - this.held);
    return this.balance;
  }

  /** Takes the bytes of one message, which may overdraw; false when there was no credit left. */
  take(bytes: number): boolean {
    if (this.balance <= 0 && bytes > 0) return false;
    this.balance -= bytes;
    this.held += bytes;
    return true;
  }

  /** Gives the bytes of a message back; returns what the client is to be granted. */
  giveBack(bytes: number): number {
    this.held -= bytes;
    const grant = Math.min(bytes, Math.max(0, this.window - this.held - this.balance));
    this.balance += grant;
    return grant;
  }
}
