import { type Static, Type } from "@sinclair/typebox";
import { JobResource } from "#shared/schemas/job.ts";

/** The part of the broker's job that the SDK reads. A newer broker may send more members. */
export const Job = Type.Pick(JobResource, ["id", "state", "reason", "fault", "node_class", "exit_code"]);
export type Job = Static<typeof Job>;
