/** Numbers of pallets, calls, events and errors, and the fields of what they carry. */
export const palletIndexes = { System: 0, Timestamp: 2, Balances: 5, SubtensorModule: 7, Drand: 26 } as const;

export const callIndexes = {
  remark: { pallet: palletIndexes.System, index: 0 },
  timestamp_set: { pallet: palletIndexes.Timestamp, index: 0 },
  set_weights: { pallet: palletIndexes.SubtensorModule, index: 0 },
  commit_timelocked_weights: { pallet: palletIndexes.SubtensorModule, index: 113 },
  commit_timelocked_mechanism_weights: { pallet: palletIndexes.SubtensorModule, index: 118 },
  set_mechanism_weights: { pallet: palletIndexes.SubtensorModule, index: 119 },
} as const;

/** Dispatch errors of SubtensorModule; the index is the position. Clients compare names, because indexes differ between runtimes. */
export const palletErrors = [
  "SubnetNotExists",
  "MechanismDoesNotExist",
  "HotKeyNotRegisteredInSubNet",
  "NotEnoughStakeToSetWeights",
  "WeightVecNotEqualSize",
  "UidsLengthExceedUidsInSubNet",
  "IncorrectWeightVersionKey",
  "SettingWeightsTooFast",
  "NeuronNoValidatorPermit",
  "DuplicateUids",
  "UidVecContainInvalidOne",
  "WeightVecLengthIsLow",
  "MaxWeightExceeded",
  "CommitRevealEnabled",
  "CommitRevealDisabled",
  "IncorrectCommitRevealVersion",
  "CommittingWeightsTooFast",
  "TooManyUnrevealedCommits",
] as const;
export type DispatchErrorName = (typeof palletErrors)[number];

export const eventIndexes = {
  extrinsic_success: { pallet: palletIndexes.System, index: 0 },
  extrinsic_failed: { pallet: palletIndexes.System, index: 1 },
  neuron_registered: { pallet: palletIndexes.SubtensorModule, index: 6 },
  weights_set: { pallet: palletIndexes.SubtensorModule, index: 5 },
  timelocked_committed: { pallet: palletIndexes.SubtensorModule, index: 101 },
  timelocked_revealed: { pallet: palletIndexes.SubtensorModule, index: 102 },
} as const;

/** `InvalidTransaction::Custom` codes of Subtensor's transaction extension. */
export const poolCodes = {
  stake_too_low: 1,
  no_subnet: 3,
  rate_limit: 6,
  not_registered: 10,
  bad_reveal_round: 15,
} as const;

export const runtimeVersion = {
  specName: "node-subtensor",
  implName: "node-subtensor",
  authoringVersion: 1,
  specVersion: 410,
  implVersion: 1,
  apis: [
    ["0xdf6acb689907609b", 5],
    ["0x37e397fc7c91f5e4", 2],
  ],
  transactionVersion: 1,
  stateVersion: 1,
} as const;
