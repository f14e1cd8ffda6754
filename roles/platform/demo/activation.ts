import { ProblemError } from "#shared/http/problem.ts";
import { systemClock } from "#shared/time/clock.ts";
import type { AdminClient } from "../clients/admin.ts";
import { waitUntil } from "../wait-until.ts";
import { demoChallenge, demoSlug, isDemonstration } from "./challenge.ts";

const path = `/v1/admin/challenges/${demoSlug}`;
const ready_ms_max = 120_000;
const interrupts = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Activates the demonstration's challenge and runs `show`. When that fails, or somebody interrupts it, the challenge is
 * deactivated and its record removed.
 */
export async function withDemoActive<T>(admin: AdminClient, show: () => Promise<T>): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => undefined);
  const interrupt = (signal: string) => interrupted.reject(new Error(`interrupted by ${signal}`));
  for (const signal of interrupts) process.once(signal, interrupt);
  try {
    // An interrupt waits for this: what is half put up cannot be taken back.
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

/** Waits until the demonstration's challenge answers as it must. */
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

/** Says in words what became of the challenge. */
async function takeBack(admin: AdminClient): Promise<string> {
  try {
    if (!(await isRecordThere(admin))) return "and left nothing in the registry";
    await admin.call("POST", `${path}/deactivate`);
    await admin.call("DELETE", path);
    return "and its challenge was taken out of the registry";
  } catch (error) {
    // Whatever keeps it: the operator must know that it still earns, and why the demonstration failed in the first place.
    return `and its challenge could not be taken back (${(error as Error).message}; run \`platform challenge deactivate ${demoSlug}\`)`;
  }
}

class OthersChallengeError extends Error {
  override readonly name = "OthersChallengeError";
}

/** Whether the demonstration's record is there. @throws OthersChallengeError when somebody's own has its name */
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
