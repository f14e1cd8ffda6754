import { runRole } from "#shared/process/run-role.ts";
import { demonstration } from "./demo/demonstration.ts";
import { challengeRole } from "./sdk/challenge-role.ts";

await runRole(challengeRole(demonstration));
