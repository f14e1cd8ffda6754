import { type Static, Type } from "@sinclair/typebox";

const nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

const Fault = Type.Union([Type.Literal("submission"), Type.Literal("challenge"), Type.Literal("platform")]);
export type Fault = Static<typeof Fault>;

/** The part of the broker's job that the SDK reads; a newer broker may say more. */
export const Job = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128 }),
  state: Type.String({ maxLength: 32 }),
  fault: nullable(Fault),
  reason: Type.Optional(Type.Unknown()),
  exit_code: nullable(Type.Integer()),
  node_class: nullable(Type.String({ maxLength: 64 })),
});
export type Job = Static<typeof Job>;

const terminal = new Set(["succeeded", "failed", "timed_out", "cancelled", "rejected", "lost"]);

export function hasEnded(job: Job): boolean {
  return terminal.has(job.state);
}

/** Why a job ended, as one code. */
export function reasonCode(job: Job): string {
  const { reason } = job;
  const code = typeof reason === "object" && reason !== null && "code" in reason ? reason.code : reason;
  return typeof code === "string" || typeof code === "number" ? String(code).slice(0, 64) : job.state;
}
