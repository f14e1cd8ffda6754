import { ProblemError } from "#shared/http/problem.ts";
import { systemClock } from "#shared/time/clock.ts";
import type { AdminClient } from "../clients/admin.ts";
import { waitUntil } from "../wait-until.ts";
import { demoChallenge, demoSlug, isDemonstration } from "./challenge.ts";

const path = `/v1/admin/challenges/${demoSlug}`;
const ready_ms_max = 120_000;
const interrupts = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Activates the demonstration's challenge and runs `show`. If `show` fails or a signal interrupts it, the challenge is
 * deactivated and its record is removed.
 */
export async function withDemoActive<T>(admin: AdminClient, show: () => Promise<T>): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => undefined);
  const interrupt = (signal: string) => interrupted.reject(new Error(`interrupted by ${signal}`));
  for (const signal of interrupts) process.once(signal, interrupt);
  try {
    // A signal takes effect only after the activation: a half activated challenge cannot be removed.
    await activate(admin);
    return await Promise.race([show(), interrupted.promise]);
  } catch (error) {
    if (error instanceof OthersChallengeError) throw error;
    const taken = await takeBack(admin);
    throw new Error(`the demonstration failed, ${taken}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const signal of interrupts) process.off(signal, interrupt);
  }
}

async function activate(admin: AdminClient): Promise<void> {
  const isThere = await isRecordThere(admin);
  if (isThere) await admin.call("PUT", path, demoChallenge());
  else await admin.call("POST", "/v1/admin/challenges", demoChallenge());
  await admin.call("POST", `${path}/activate`);
}

/** Waits at most 120 s until the admin API reports that the demonstration's challenge is ready. */
export async function untilDemoReady(admin: AdminClient): Promise<void> {
  await waitUntil(systemClock, "readiness of the demonstration challenge", ready_ms_max, async () => {
    const { readiness } = await admin.call<{ readiness: { ready: boolean; reason: string | null } | null }>(
      "GET",
      path,
    );
    if (readiness?.ready) return true;
    throw new Error(readiness?.reason ?? "it was not probed yet");
  });
}

/** Deactivates and removes the demonstration's challenge. Returns the outcome as part of a sentence. */
async function takeBack(admin: AdminClient): Promise<string> {
  try {
    if (!(await isRecordThere(admin))) return "and left nothing in the registry";
    await admin.call("POST", `${path}/deactivate`);
    await admin.call("DELETE", path);
    return "and its challenge was taken out of the registry";
  } catch (error) {
    // Every error counts: the operator must learn that the challenge still earns, and why the demonstration failed.
    return `and its challenge could not be taken back (${(error as Error).message}; run \`platform challenge deactivate ${demoSlug}\`)`;
  }
}

class OthersChallengeError extends Error {
  override readonly name = "OthersChallengeError";
}

/** Whether the registry holds the demonstration's record. @throws OthersChallengeError when another challenge has its name */
async function isRecordThere(admin: AdminClient): Promise<boolean> {
  try {
    const { spec } = await admin.call<{ spec: unknown }>("GET", path);
    if (isDemonstration(spec)) return true;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return false;
    throw error;
  }
  throw new OthersChallengeError(
    `the challenge ${demoSlug} of the registry is not the demonstration's: it is left alone, and there is no demonstration`,
  );
}
