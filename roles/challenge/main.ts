import { demonstration } from "./demo/demonstration.ts";
import { runChallenge } from "./sdk.ts";

await runChallenge(demonstration);
