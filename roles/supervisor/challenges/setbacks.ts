const first_pause_ms = 1_000;
const pause_ms_max = 60_000;

interface Setback {
  readonly sentence: string;
  /** What was tried; another record is tried at once. */
  readonly edition: string;
  readonly pause_ms: number;
  readonly due_ms: number;
}

/** Remembers what failed, so that it is neither tried nor told again all the time. */
export class Setbacks {
  readonly #of = new Map<string, Setback>();

  /** Whether `subject` may be tried now: nothing failed, its pause is over, or it is another edition. */
  isDue(subject: string, edition: string, now_ms: number): boolean {
    const setback = this.#of.get(subject);
    return setback === undefined || setback.edition !== edition || now_ms >= setback.due_ms;
  }

  /** Notes a failure; the pause doubles from one to the next. @returns whether this sentence is news */
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
