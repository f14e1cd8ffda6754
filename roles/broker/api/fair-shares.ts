/**
 * Shares something scarce among the challenges. A challenge may hold at most as much as is left over. Alone it gets half
 * of it all. However much the others take, a challenge that holds nothing still gets half of the rest.
 */
export class FairShares {
  #left: number;
  readonly #held = new Map<string, number>();

  constructor(amount: number) {
    this.#left = amount;
  }

  /** False, and nothing is taken, when the challenge would then hold more than is left over. */
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
