import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Logger } from "#shared/observability/logger.ts";
import { RepeatedWork } from "#shared/observability/repeated-work.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import type { TlsPair } from "./door.ts";

/**
 * The certificate and key of the two files.
 *
 * @throws Error with a sentence when one cannot be read or they do not belong together
 */
export async function readCertificate(certificate_file: string, key_file: string): Promise<TlsPair> {
  const [cert, key] = await Promise.all([readFile(certificate_file, "utf8"), readFile(key_file, "utf8")]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${key_file} does not hold the key of ${certificate_file}`);
  }
  return { cert, key };
}

/** Hands every new, sound certificate to `use` until `signal` is aborted; an unsound one is reported once and the former stays. */
export async function followCertificate(
  files: { readonly certificate: string; readonly key: string },
  { clock, log, use }: { readonly clock: Clock; readonly log: Logger; readonly use: (pair: TlsPair) => Promise<void> },
  current: TlsPair,
  signal: AbortSignal,
): Promise<void> {
  const replacing = new RepeatedWork(log, "replacing the certificate");
  while (!signal.aborted) {
    await pause(clock, limits.proxy.certificate_check_every_ms, signal);
    if (signal.aborted) return;
    try {
      const pair = await readCertificate(files.certificate, files.key);
      if (pair.cert !== current.cert || pair.key !== current.key) {
        await use(pair);
        current = pair;
        log.info("the certificate was replaced");
      }
      replacing.worked();
    } catch (error) {
      replacing.failed(error);
    }
  }
}
