/**
 * Something scarce that all challenges share. One may hold as much as is left for the others: half of it all where nobody else holds
 * any, and less the more is held. So whoever takes all that it can get leaves the next one something.
 */
export class FairShares {
  #left: number;
  readonly #held = new Map<string, number>();

  constructor(amount: number) {
    this.#left = amount;
  }

  /** False where the challenge would hold more than what is left then; nothing is taken. */
  take(challenge: string, amount: number): boolean {
    const held = (this.#held.get(challenge) ?? 0) + amount;
    if (held > this.#left - amount) return false;
    this.#left -= amount;
    this.#held.set(challenge, held);
    return true;
  }

  /** Gives back what was taken. */
  give(challenge: string, amount: number): void {
    const held = (this.#held.get(challenge) ?? 0) - amount;
    this.#left += amount;
    if (held > 0) this.#held.set(challenge, held);
    else this.#held.delete(challenge);
  }
}
