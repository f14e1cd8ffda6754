import type { Database } from "#shared/database/database.ts";
import { type Engine, EngineError } from "#shared/engine/engine.ts";

/**
 * The image that a service is created with. For a local image it is the ID, so that no registry is asked at a start. Else it is
 * the reference with the digest that the registry gave when it was first asked: moving the tag later changes nothing.
 *
 * @throws EngineError "not_found" when neither this node nor the registry has the image
 */
export async function resolveImage(engine: Engine, sql: Database, subject: string, reference: string): Promise<string> {
  const local = await engine.image(reference);
  if (local) return local.Id;
  if (reference.includes("@sha256:")) return reference;
  const [pinned] = await sql`select digest from image_pins where subject = ${subject} and reference = ${reference}`;
  const digest = (pinned?.["digest"] as string | undefined) ?? (await pin(engine, sql, subject, reference));
  return `${withoutTag(reference)}@${digest}`;
}

async function pin(engine: Engine, sql: Database, subject: string, reference: string): Promise<string> {
  const digest = await engine.remoteDigest(reference);
  if (!digest) throw new EngineError("not_found", `there is no image ${reference}`);
  await sql`insert into image_pins (subject, reference, digest) values (${subject}, ${reference}, ${digest})
    on conflict (subject) do update set
      reference = excluded.reference, digest = excluded.digest, former = image_pins.digest, updated_at = now()`;
  return digest;
}

function withoutTag(reference: string): string {
  const slash = reference.lastIndexOf("/");
  const colon = reference.indexOf(":", slash + 1);
  return colon < 0 ? reference : reference.slice(0, colon);
}
