import { compact, join, u32, vec } from "#shared/chain/scale.ts";

/** A type's number in the metadata's registry. */
export type TypeId = number;

export interface Field {
  readonly name?: string;
  readonly type: TypeId;
}

export interface Variant {
  readonly name: string;
  readonly index: number;
  readonly fields?: readonly Field[];
}

const primitives = ["bool", "char", "str", "u8", "u16", "u32", "u64", "u128"] as const;
export type Primitive = (typeof primitives)[number];

/** Numbers of `TypeDef`'s variants in scale-info. */
const definitionIndexes = { composite: 0, variant: 1, sequence: 2, array: 3, tuple: 4, primitive: 5, compact: 6 };

export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return join(compact(bytes.length), bytes);
}

export function texts(values: readonly string[]): Uint8Array {
  return vec(values.map(text));
}

const noDocs = texts([]);

export function option(value: Uint8Array | undefined): Uint8Array {
  return value === undefined ? Uint8Array.of(0) : join(Uint8Array.of(1), value);
}

/** Collects portable types (scale-info) and gives equal ones the same number. */
export class TypeBuilder {
  readonly #id_by_form = new Map<string, TypeId>();
  readonly #types: Uint8Array[] = [];

  primitive(name: Primitive): TypeId {
    return this.#add([], [], join(Uint8Array.of(definitionIndexes.primitive, primitives.indexOf(name))));
  }

  sequence(type: TypeId): TypeId {
    return this.#add([], [], join(Uint8Array.of(definitionIndexes.sequence), compact(type)));
  }

  array(length: number, type: TypeId): TypeId {
    return this.#add([], [], join(Uint8Array.of(definitionIndexes.array), u32(length), compact(type)));
  }

  tuple(types: readonly TypeId[]): TypeId {
    return this.#add([], [], join(Uint8Array.of(definitionIndexes.tuple), vec(types.map(compact))));
  }

  compact(type: TypeId): TypeId {
    return this.#add([], [], join(Uint8Array.of(definitionIndexes.compact), compact(type)));
  }

  /** `path` as `sp_core::crypto::AccountId32`: the client's library knows some types by it. */
  composite(path: string, fields: readonly Field[], params: readonly (readonly [string, TypeId])[] = []): TypeId {
    return this.#add(path.split("::"), params, join(Uint8Array.of(definitionIndexes.composite), fieldList(fields)));
  }

  variant(path: string, variants: readonly Variant[], params: readonly (readonly [string, TypeId])[] = []): TypeId {
    const encoded = variants.map(({ name, index, fields = [] }) =>
      join(text(name), fieldList(fields), Uint8Array.of(index), noDocs),
    );
    return this.#add(path.split("::"), params, join(Uint8Array.of(definitionIndexes.variant), vec(encoded)));
  }

  option(type: TypeId): TypeId {
    const variants = [
      { name: "None", index: 0 },
      { name: "Some", index: 1, fields: [{ type }] },
    ];
    return this.variant("Option", variants, [["T", type]]);
  }

  /** `Vec<PortableType>`. */
  toBytes(): Uint8Array {
    return vec(this.#types.map((type, id) => join(compact(id), type)));
  }

  #add(path: readonly string[], params: readonly (readonly [string, TypeId])[], def: Uint8Array): TypeId {
    const encoded_params = params.map(([name, type]) => join(text(name), option(compact(type))));
    const type = join(texts(path), vec(encoded_params), def, noDocs);
    const form = Buffer.from(type).toString("latin1");
    const known = this.#id_by_form.get(form);
    if (known !== undefined) return known;
    this.#types.push(type);
    this.#id_by_form.set(form, this.#types.length - 1);
    return this.#types.length - 1;
  }
}

function fieldList(fields: readonly Field[]): Uint8Array {
  return vec(
    fields.map(({ name, type }) =>
      join(option(name === undefined ? undefined : text(name)), compact(type), option(undefined), noDocs),
    ),
  );
}
