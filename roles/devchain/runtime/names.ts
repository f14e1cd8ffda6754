/** Numbers of pallets, calls, events and errors, and the fields of what they carry. */
export const PALLETS = { System: 0, Timestamp: 2, Balances: 5, SubtensorModule: 7, Drand: 26 } as const;

export const CALLS = {
  remark: { pallet: PALLETS.System, index: 0 },
  timestamp_set: { pallet: PALLETS.Timestamp, index: 0 },
  set_weights: { pallet: PALLETS.SubtensorModule, index: 0 },
  commit_timelocked_weights: { pallet: PALLETS.SubtensorModule, index: 113 },
  commit_timelocked_mechanism_weights: { pallet: PALLETS.SubtensorModule, index: 118 },
  set_mechanism_weights: { pallet: PALLETS.SubtensorModule, index: 119 },
} as const;

/** Dispatch errors of SubtensorModule; the index is the position. The client compares names, indices differ per runtime. */
export const ERRORS = [
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
export type DispatchErrorName = (typeof ERRORS)[number];

export const EVENTS = {
  extrinsic_success: { pallet: PALLETS.System, index: 0 },
  extrinsic_failed: { pallet: PALLETS.System, index: 1 },
  neuron_registered: { pallet: PALLETS.SubtensorModule, index: 6 },
  weights_set: { pallet: PALLETS.SubtensorModule, index: 5 },
  timelocked_committed: { pallet: PALLETS.SubtensorModule, index: 101 },
  timelocked_revealed: { pallet: PALLETS.SubtensorModule, index: 102 },
} as const;

/** `InvalidTransaction::Custom` codes of Subtensor's transaction extension. */
export const POOL_CODES = {
  stake_too_low: 1,
  no_subnet: 3,
  rate_limit: 6,
  not_registered: 10,
  bad_reveal_round: 15,
} as const;

export const RUNTIME_VERSION = {
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
