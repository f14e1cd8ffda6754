const first_pause_ms = 1_000;
const pause_ms_max = 60_000;

interface Setback {
  readonly sentence: string;
  /** The edition that failed. Another edition is tried at once. */
  readonly edition: string;
  readonly pause_ms: number;
  readonly due_ms: number;
}

/** Remembers failures, so that each is tried again after a growing pause, and logged once. */
export class Setbacks {
  readonly #of = new Map<string, Setback>();

  /** Whether `subject` may be tried now: it did not fail, its pause is over, or its edition is another one. */
  isDue(subject: string, edition: string, now_ms: number): boolean {
    const setback = this.#of.get(subject);
    return setback === undefined || setback.edition !== edition || now_ms >= setback.due_ms;
  }

  /** Records a failure. The pause doubles with each. @returns whether this sentence was not logged before */
  failed(subject: string, edition: string, sentence: string, now_ms: number): boolean {
    const former = this.#of.get(subject);
    const isAgain = former !== undefined && former.edition === edition;
    const pause_ms = isAgain ? Math.min(former.pause_ms * 2, pause_ms_max) : first_pause_ms;
    this.#of.set(subject, { sentence, edition, pause_ms, due_ms: now_ms + pause_ms });
    return !isAgain || former.sentence !== sentence;
  }

  succeeded(subject: string): void {
    this.#of.delete(subject);
  }
}
