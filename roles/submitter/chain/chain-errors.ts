/** Why the chain refused weights. `name` is the runtime's own error name, if it has one. */
export interface ChainRefusal {
  readonly name: string;
  /** True when repeating cannot help until somebody changes something: raise an alert, and do not repeat within the epoch. */
  readonly isPermanent: boolean;
}

/** `InvalidTransaction::Custom` codes of Subtensor's transaction extension, and the dispatch error that each stands for. */
const nameByPoolCode: Readonly<Record<number, string>> = {
  1: "NotEnoughStakeToSetWeights",
  2: "NotEnoughBalance",
  3: "SubnetNotExists",
  6: "SettingWeightsTooFast",
  10: "HotKeyNotRegisteredInSubNet",
  15: "InvalidRevealRound",
  16: "NoWeightsCommitFound",
  17: "RevealNotInRange",
  18: "WeightVecNotEqualSize",
  19: "UidVecContainInvalidOne",
};

/** Errors that pass by themselves: the window opens, a new extrinsic is signed, a new round is computed. */
const transientErrors = new Set([
  "SettingWeightsTooFast",
  "CommittingWeightsTooFast",
  "TooManyUnrevealedCommits",
  "InvalidRevealRound",
  "CommitRevealEnabled",
  "CommitRevealDisabled",
  "Stale",
  "BadProof",
  "AncientBirthBlock",
  "PoolUnwilling",
]);

/** The refusal of that name. It is permanent unless it is known to pass by itself. */
export function refusalByName(name: string): ChainRefusal {
  return { name, isPermanent: !transientErrors.has(name) };
}

/** The refusal in the JSON-RPC error of a submission; undefined when the extrinsic may be in the pool all the same. */
export function refusalOfSubmission(error: unknown): ChainRefusal | undefined {
  const { code, data, message = "" } = error as { code?: unknown; data?: unknown; message?: string };
  const text = `${message} ${typeof data === "string" ? data : ""}`;
  if (code === 1010) {
    const custom = /Custom error: (\d+)/.exec(text)?.[1];
    // Older runtimes answer 1 also for an unregistered hotkey and for an unknown subnet.
    if (custom !== undefined) return refusalByName(nameByPoolCode[Number(custom)] ?? `Custom${custom}`);
    if (text.includes("outdated")) return refusalByName("Stale");
    if (text.includes("ancient birth block")) return refusalByName("AncientBirthBlock");
    if (text.includes("bad signature")) return refusalByName("BadProof");
    return refusalByName("InvalidTransaction");
  }
  if (code === 1001 || code === 1002) return refusalByName("InvalidFormat");
  if (code === 1011 || code === 1012 || code === 1016) return refusalByName("PoolUnwilling");
  return undefined;
}
