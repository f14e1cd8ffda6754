import { type StagerEnd, stagerExit } from "#shared/schemas/stager.ts";

/** An end other than `done`. `code` is for machines, the message for the event that the broker writes. */
export class StagerError extends Error {
  readonly code: StagerEnd;
  readonly exit_code: number;

  constructor(exit: Exclude<StagerEnd, "done" | "done_disk_low">, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StagerError";
    this.code = exit;
    this.exit_code = stagerExit[exit];
  }
}

const storageErrors = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EPERM", "ENOENT", "EMFILE", "ENFILE"]);

/** A file-system error as a StagerError `storage`; any other error as it is. */
export function storageError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code === undefined || !storageErrors.has(code)) return error;
  return new StagerError("storage", `${code} while ${doing}`, error);
}
