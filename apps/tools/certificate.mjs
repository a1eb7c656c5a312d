import { isIP } from "node:net";
import { generate } from "selfsigned";

/** A certificate of our own for this machine and `host`, good for this run. Browsers warn about it. */
export async function makeCertificate(host) {
  const names = new Set(["localhost", "127.0.0.1", "::1", host]);
  const { private: key, cert } = await generate([{ name: "commonName", value: "upwire demo" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: [...names].map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })) },
    ],
  });
  return { key, cert };
}
