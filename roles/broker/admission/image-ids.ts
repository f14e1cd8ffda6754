import { type Engine, EngineError, type RegistryAuth } from "#shared/engine/engine.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { RegistryAuthOf } from "./registry-auth.ts";

export interface ImageIds {
  /**
   * The ID or digest by which a service of the challenge is created.
   *
   * @throws ProblemError 400 "image_not_found"; 400 "image_not_shown" when the registry wants another account; 503
   *   "registry_unavailable" when the registry does not answer
   */
  resolve(challenge: string, image: string, policy: JobRequest["image_pull_policy"]): Promise<string>;
}

type ImageEngine = Pick<Engine, "image" | "remoteDigest">;

const remembered_ms = 60_000;
const remembered_max = 1_000;

/**
 * Resolves a tag once a submission: to the manager's local image ID, else to the digest that the registry has now. So no
 * start asks a registry for a tag. An answer is kept for 60 s. `Always` asks anew, `Never` asks no registry.
 */
export function createImageIds(engine: ImageEngine, clock: Clock, authOf: RegistryAuthOf): ImageIds {
  const known = new Map<string, { readonly id: string; readonly until_ms: number }>();
  return {
    async resolve(challenge, image, policy) {
      // Answers are kept per challenge: another challenge's account may not see the image.
      const key = `${challenge} ${image}`;
      const remembered = known.get(key);
      if (remembered && remembered.until_ms > clock.monotonic() && policy !== "Always") return remembered.id;
      const id =
        (await engine.image(image))?.Id ??
        (policy === "Never" ? null : await remote(engine, image, await authOf(challenge, image)));
      if (!id) throw new ProblemError(400, "image_not_found", `Docker image is not there: ${image}`);
      if (known.size >= remembered_max) known.clear();
      known.set(key, { id, until_ms: clock.monotonic() + remembered_ms });
      return id;
    },
  };
}

async function remote(engine: ImageEngine, image: string, auth: RegistryAuth | undefined): Promise<string | null> {
  if (image.includes("@sha256:")) return image;
  try {
    const slash = image.lastIndexOf("/");
    const colon = image.indexOf(":", slash + 1);
    return `${colon < 0 ? image : image.slice(0, colon)}@${await engine.remoteDigest(image, auth)}`;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.fault === "refused")
      throw new ProblemError(
        400,
        "image_not_shown",
        `Its registry does not show this image to the challenge: ${image}`,
      );
    if (error.fault !== "unavailable") return null;
    throw new ProblemError(503, "registry_unavailable", "The image's registry does not answer.", {
      cause: error,
      headers: { "retry-after": "30" },
    });
  }
}
