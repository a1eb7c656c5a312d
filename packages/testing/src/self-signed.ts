import { generateKeyPairSync, sign } from "node:crypto";

/** What a TLS server needs, both in PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

/** The types of ASN.1 that are needed (ITU-T X.690 §8). */
const Tag = { integer: 0x02, bitString: 0x03, objectId: 0x06, utf8: 0x0c, time: 0x18, sequence: 0x30, set: 0x31 } as const;
const ECDSA_WITH_SHA256 = Buffer.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
const COMMON_NAME = Buffer.of(0x55, 0x04, 0x03);

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

/** A certificate that vouches for itself (RFC 5280 §4.1), for clients that ask no more of one. Good for all time. */
export function selfSigned(): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = der(Tag.sequence, der(Tag.objectId, ECDSA_WITH_SHA256));
  const commonName = der(Tag.sequence, der(Tag.objectId, COMMON_NAME), der(Tag.utf8, Buffer.from("localhost")));
  const name = der(Tag.sequence, der(Tag.set, commonName));
  const time = (text: string): Buffer => der(Tag.time, Buffer.from(text));
  const validity = der(Tag.sequence, time("20000101000000Z"), time("99991231235959Z"));
  const serial = der(Tag.integer, Buffer.of(1));
  const signed = der(Tag.sequence, serial, algorithm, name, validity, name, publicKey.export({ type: "spki", format: "der" }));
  // The byte in front says how many bits of the last one are unused.
  const signature = der(Tag.bitString, Buffer.of(0), sign("sha256", signed, privateKey));
  const base64 = der(Tag.sequence, signed, algorithm, signature).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"),
  };
}
