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
 * @throws Error when one cannot be read, or the key is not the certificate's
 */
export async function readCertificate(certificateFile: string, keyFile: string): Promise<TlsPair> {
  const [cert, key] = await Promise.all([readFile(certificateFile, "utf8"), readFile(keyFile, "utf8")]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(
      `${keyFile} does not hold the key of ${certificateFile}: put in place the pair that was issued together`,
    );
  }
  return { cert, key };
}

/** Hands each new certificate to `use` until `signal` is aborted. An unsound one is logged once, and the one in use stays. */
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
        log.info("the certificate was replaced: new connections get the new one");
      }
      replacing.worked();
    } catch (error) {
      replacing.failed(error);
    }
  }
}
