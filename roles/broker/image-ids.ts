import { type Engine, EngineError } from "#shared/engine/engine.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import type { Clock } from "#shared/time/clock.ts";

export interface ImageIds {
  /** What a service is created by. @throws ProblemError 400 image_not_found, 503 registry_unavailable */
  resolve(image: string, policy: JobRequest["image_pull_policy"]): Promise<string>;
}

const remembered_ms = 60_000;
const remembered_max = 1_000;

/**
 * Resolves a tag once a submission, to the manager's local image ID (no registry is asked at a start) or to the digest its
 * registry has now. `Always` asks anew, `Never` takes only what is known here.
 */
export function createImageIds(engine: Engine, clock: Clock): ImageIds {
  const known = new Map<string, { readonly id: string; readonly until_ms: number }>();
  return {
    async resolve(image, policy) {
      const remembered = known.get(image);
      if (remembered && remembered.until_ms > clock.monotonic() && policy !== "Always") return remembered.id;
      const id = (await engine.image(image))?.Id ?? (policy === "Never" ? null : await remote(engine, image));
      if (!id) throw new ProblemError(400, "image_not_found", `Docker image is not there: ${image}`);
      if (known.size >= remembered_max) known.clear();
      known.set(image, { id, until_ms: clock.monotonic() + remembered_ms });
      return id;
    },
  };
}

async function remote(engine: Engine, image: string): Promise<string | null> {
  if (image.includes("@sha256:")) return image;
  try {
    const slash = image.lastIndexOf("/");
    const colon = image.indexOf(":", slash + 1);
    return `${colon < 0 ? image : image.slice(0, colon)}@${await engine.remoteDigest(image)}`;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.fault !== "unavailable") return null;
    throw new ProblemError(503, "registry_unavailable", "The image's registry does not answer.", {
      cause: error,
      headers: { "retry-after": "30" },
    });
  }
}
