/** Everything that the author of a challenge imports. */
import type { TObject } from "@sinclair/typebox";
import { runRole } from "#shared/process/run-role.ts";
import { challengeRole } from "./sdk/challenge-role.ts";
import type { ChallengeDefinition } from "./sdk/define-challenge.ts";

export { FromEnvironment } from "#shared/config/load-config.ts";
export { ProblemError } from "#shared/http/problem.ts";
export { acceptArchive } from "./sdk/accept-archive.ts";
export { defineChallenge } from "./sdk/define-challenge.ts";
export { SubmissionFault } from "./sdk/submission-fault.ts";

/** Runs a challenge as this process until it is told to stop. */
export async function runChallenge<S extends TObject>(definition: ChallengeDefinition<S>): Promise<void> {
  await runRole(challengeRole(definition));
}
