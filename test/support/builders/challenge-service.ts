import { Value } from "@sinclair/typebox/value";
import { ChallengeSpec } from "#shared/schemas/challenge.ts";
import { secretsOf } from "../../../roles/supervisor/challenges/secret-names.ts";
import { challengeService } from "../../../roles/supervisor/challenges/service-spec.ts";

/** A challenge's record, with its defaults where `fields` says nothing. */
export const challengeRecord = (fields: Record<string, unknown> = {}): ChallengeSpec =>
  Value.Decode(
    ChallengeSpec,
    Value.Default(ChallengeSpec, { slug: "my-demo", name: "Demo", image: "demo:1", ...fields }),
  );

/** The service of such a challenge, as the supervisor makes it on node n1. */
export const serviceOf = (fields: Record<string, unknown> = {}, token_generation = 1) => {
  const spec = challengeRecord(fields);
  const secrets = secretsOf(spec).map(({ file }) => ({ file, id: `id of ${file}`, name: `name of ${file}` }));
  return challengeService(spec, {
    image: "sha256:1",
    node_id: "n1",
    token_generation,
    hosts: ["10.0.4.253 platform-broker"],
    secrets,
  });
};
