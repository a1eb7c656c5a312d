const SEPARATOR = ":";
const HAS_OPTIONS = "o";

/** Who sent a cast, and its number there. Stands in the `origin` of the publication: `node:number`, or `node:number:o` when options stand before the data. */
export interface CastOrigin {
  readonly node: string;
  readonly cast: number;
  readonly hasOptions: boolean;
}

export function writeOrigin(node: string, cast: number, { hasOptions }: Pick<CastOrigin, "hasOptions">): string {
  return hasOptions ? `${node}:${cast}:${HAS_OPTIONS}` : `${node}:${cast}`;
}

/** @returns `undefined` for what is no origin of a cast. */
export function readOrigin(origin: string | undefined): CastOrigin | undefined {
  if (origin === undefined) return undefined;
  const [node, number, options, more] = origin.split(SEPARATOR);
  if (node === undefined || node === "" || number === undefined || !/^\d{1,16}$/.test(number) || more !== undefined) return undefined;
  if (options !== undefined && options !== HAS_OPTIONS) return undefined;
  const cast = Number(number);
  return Number.isSafeInteger(cast) ? { node, cast, hasOptions: options !== undefined } : undefined;
}
