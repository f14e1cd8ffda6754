/** The miner is to blame. The submission fails with this code and sentence, and is not tried again. */
export class SubmissionFault extends Error {
  override readonly name = "SubmissionFault";
  readonly code: string;
  constructor(code: string, detail: string) {
    super(detail);
    this.code = code;
  }
}
