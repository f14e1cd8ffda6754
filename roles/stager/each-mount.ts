import { each } from "#shared/time/each.ts";
import { StagerError } from "./outcome.ts";

const mounts_at_once_max = 4;

/** Failures by weight. The job's own fault comes first, because it decides how the job ends. */
const weight = (error: unknown) => (error instanceof StagerError && error.code.startsWith("output_") ? 1 : 0);

/** Works on all mounts, some at a time. A failed mount does not stop the others. At the end the weightiest failure is thrown. */
export async function eachMount<M, R>(mounts: readonly M[], work: (mount: M) => Promise<R>): Promise<R[]> {
  const failures: unknown[] = [];
  const results = await each(mounts, mounts_at_once_max, (mount) =>
    work(mount).catch((error: unknown) => {
      failures.push(error);
    }),
  );
  const [worst] = failures.toSorted((a, b) => weight(b) - weight(a));
  if (failures.length > 0) throw worst;
  return results as R[];
}
