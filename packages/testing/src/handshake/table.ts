import type { HandshakeCase } from "./case.ts";
import { bodyCases } from "./cases-body.ts";
import { extensionCases } from "./cases-extensions.ts";
import { fieldCases } from "./cases-fields.ts";
import { originCases } from "./cases-origin.ts";
import { requestLineCases } from "./cases-request-line.ts";
import { subprotocolCases } from "./cases-subprotocols.ts";
import { syntaxCases } from "./cases-syntax.ts";
import { trustCases } from "./cases-trust.ts";

/**
 * What a server has to answer to opening handshakes by RFC 6455 section 4, RFC 9110 and 9112 (HTTP), RFC 6454 (Origin) and
 * RFC 7239 (Forwarded).
 */
export const handshakeCases: readonly HandshakeCase[] = [
  ...requestLineCases,
  ...fieldCases,
  ...syntaxCases,
  ...bodyCases,
  ...subprotocolCases,
  ...extensionCases,
  ...originCases,
  ...trustCases,
];
