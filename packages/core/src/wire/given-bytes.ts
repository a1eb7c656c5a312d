type Reader<Value> = (value: unknown) => Value;

/** What an application gives may be a subclass whose getters say anything: the length of a frame must be that of the bytes. */
function readerOf(prototype: object, name: string | symbol): Reader<unknown> {
  const { get: getter } = Object.getOwnPropertyDescriptor(prototype, name) as { readonly get: () => unknown };
  return (value) => Reflect.apply(getter, value, []);
}

interface ViewReaders {
  readonly buffer: Reader<ArrayBufferLike>;
  readonly byteOffset: Reader<number>;
  readonly byteLength: Reader<number>;
}

function readersOf(prototype: object): ViewReaders {
  const [buffer, byteOffset, byteLength] = ["buffer", "byteOffset", "byteLength"].map((name) => readerOf(prototype, name));
  return { buffer, byteOffset, byteLength } as ViewReaders;
}

const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const ofTypedArrays = readersOf(typedArrays);
const ofDataViews = readersOf(DataView.prototype);
/** `undefined` for what is no typed array. */
const typeOf = readerOf(typedArrays, Symbol.toStringTag);

/** How many bytes a `Uint8Array` really has, whatever a subclass says; 0 when its buffer was transferred. */
export const byteLengthOf: (bytes: Uint8Array) => number = ofTypedArrays.byteLength;

/** How long a Blob really is, whatever a subclass says. @throws TypeError for what is no Blob. */
export const sizeOf: (blob: Blob) => number = readerOf(Blob.prototype, "size") as Reader<number>;

/**
 * The bytes that were given, as they are now: a view on them and no copy.
 * @throws TypeError for what is neither an ArrayBuffer nor a view on one, and for what was transferred.
 */
export function givenBytes(data: unknown): Uint8Array {
  const isView = ArrayBuffer.isView(data);
  // Numbers and plain objects must never reach an allocation (ws CVE-2016-10518).
  if (!isView && !(data instanceof ArrayBuffer)) {
    throw new TypeError("A message is a string, an ArrayBuffer, a view on one, a Blob, a Message or a PreparedMessage");
  }
  try {
    if (!isView) return new Uint8Array(data);
    const { buffer, byteOffset, byteLength } = typeOf(data) === undefined ? ofDataViews : ofTypedArrays;
    return new Uint8Array(buffer(data), byteOffset(data), byteLength(data));
  } catch (cause) {
    throw new TypeError("The bytes of this message were transferred, and there are none left; send them before, or transfer a copy", { cause });
  }
}

/** `bytes` in a block of memory that holds nothing else: an application may transfer it, or read all of its `buffer`. */
export function inOwnBlock(bytes: Buffer): Buffer {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  bytes.copy(own);
  return own;
}
