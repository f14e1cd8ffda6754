import pino from "pino";

export type Logger = pino.Logger;

/** Paths whose values never reach a log line, at the top and one level down. */
const secretKeys = [
  "authorization",
  "password",
  "token",
  "secret",
  "database_url",
  "master_key",
  "mnemonic",
  "seed",
  "private_key",
];

/** A JSON logger on standard error, so that standard output stays free for a program's results. */
export function createLogger(role: string, level: string): Logger {
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.headers.${key}`]), censor: "[redacted]" },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
