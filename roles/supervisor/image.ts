import { type Engine, EngineError } from "#shared/engine/engine.ts";

/**
 * What a service is created by: a local image's ID (no registry is asked at a start), or the reference with the digest that
 * its registry has now.
 *
 * @throws EngineError "not_found" when neither this node nor the registry has it
 */
export async function resolveImage(engine: Engine, reference: string): Promise<string> {
  const local = await engine.image(reference);
  if (local) return local.Id;
  if (reference.includes("@sha256:")) return reference;
  const digest = await engine.remoteDigest(reference);
  if (!digest) throw new EngineError("not_found", `there is no image ${reference}`);
  return `${withoutTag(reference)}@${digest}`;
}

function withoutTag(reference: string): string {
  const slash = reference.lastIndexOf("/");
  const colon = reference.indexOf(":", slash + 1);
  return colon < 0 ? reference : reference.slice(0, colon);
}
