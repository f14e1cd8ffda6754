import { type Static, Type } from "@sinclair/typebox";

/** `/livez` and `/health`: the process answers. */
export const RoleLiveness = Type.Object({ status: Type.Literal("ok") }, { description: "the process answers" });

/** `/` of the supervisor's operator port. */
export const RoleNames = Type.Object(
  { roles: Type.Array(Type.String()) },
  { description: "the roles that have a socket on this manager" },
);

/** `/version`. */
export const RoleVersion = Type.Object(
  { role: Type.String(), version: Type.String(), commit: Type.String() },
  { description: "the build that runs" },
);

/** One condition that must hold for a role to be ready. */
export const ProbeResult = Type.Object({
  name: Type.String(),
  ok: Type.Boolean(),
  reason: Type.Optional(Type.String({ description: "why the condition does not hold" })),
});
export type ProbeResult = Static<typeof ProbeResult>;

/** The aggregator's probe that fails until a challenge first answers. An installation may finish while it fails. */
export const first_answer_probe = "first_answer";

/** `/readyz`: 200 with `ready: true`, or 503 with the reasons. */
export const RoleReadiness = Type.Object(
  {
    ready: Type.Boolean(),
    reason: Type.Optional(Type.String({ description: "why no probe was run" })),
    probes: Type.Array(ProbeResult),
  },
  { description: "whether every dependency of the role answers" },
);
export type RoleReadiness = Static<typeof RoleReadiness>;
