/** Exit codes are how the broker learns the outcome: Swarm reports them, and the words go to standard output. */
export const exit_code = {
  done: 0,
  /** The deadline passed, or the broker could not be reached until then. */
  deadline: 10,
  token_refused: 11,
  /** The bytes are not those of the digest, or the stager's own gate refused them. */
  input_refused: 12,
  /** The node's disk: full, or broken. */
  storage: 13,
  /** What the job left is over the limit. */
  output_too_large: 20,
  /** What the job left was refused by the broker's gate. */
  output_refused: 21,
  /** A volume or container is still in use. */
  busy: 30,
  not_found: 31,
  usage: 64,
  internal: 70,
} as const;

/** An end that is not `done`. `code` is for machines, the message for the event the broker writes. */
export class StagerError extends Error {
  readonly code: string;
  readonly exit_code: number;

  constructor(exit: Exclude<keyof typeof exit_code, "done">, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StagerError";
    this.code = exit;
    this.exit_code = exit_code[exit];
  }
}

const storage_errors = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EPERM", "ENOENT", "EMFILE", "ENFILE"]);

/** An error of the file system as the outcome `storage`; anything else as it is. */
export function storageError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code === undefined || !storage_errors.has(code)) return error;
  return new StagerError("storage", `${code} while ${doing}`, error);
}
