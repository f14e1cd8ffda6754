import { limits } from "../schemas/limits.ts";

const acceptable = new RegExp(`^[A-Za-z0-9._-]{1,${limits.http.request_id_chars_max}}$`);

/** The caller's X-Request-Id when it is harmless in a log line, else a new one (UUID v7: sorts by time). */
export function requestIdOf(header: string | null | undefined): string {
  return header && acceptable.test(header) ? header : Bun.randomUUIDv7();
}
