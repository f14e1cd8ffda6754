import { type ArchiveError, invalid, overLimit } from "../archive-error.ts";

/** The stream ends too early. */
export const truncatedStream = (form: string): ArchiveError =>
  invalid("stream_truncated", `${form} stream ends before its end`);
export const damagedStream = (form: string): ArchiveError => invalid("stream_data", `damaged ${form} stream`);
export const trailingStream = (form: string): ArchiveError =>
  invalid("stream_trailing_data", `data after the ${form} stream`);
export const largeWindow = (form: string, bytes_max: number): ArchiveError =>
  overLimit("window", `${form} stream that needs more memory than its reader has, in bytes`, bytes_max);
