/** Lets one at a time through, in the order they came. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Waits for its turn; the answer ends it. */
  async take(): Promise<() => void> {
    const before = this.#last;
    let end: () => void = () => undefined;
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }
}

/** Decoders with a large window: what they hold is bounded by one window, however many archives are read. */
export const decoderTurns = new Turns();
