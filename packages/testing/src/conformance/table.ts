import type { ConformanceCase } from "./case.ts";
import { closingCases } from "./cases-close.ts";
import { deflateCases } from "./cases-deflate.ts";
import { frameCases } from "./cases-frames.ts";
import { messageCases } from "./cases-messages.ts";
import { negotiationCases } from "./cases-negotiation.ts";
import { utf8Cases } from "./cases-utf8.ts";

/**
 * What an echo server has to do by RFC 6455 (WebSocket), RFC 7692 (permessage-deflate), RFC 3629 (UTF-8) and the IANA
 * WebSocket Close Code Number Registry.
 */
export const conformanceCases: readonly ConformanceCase[] = [
  ...frameCases,
  ...messageCases,
  ...utf8Cases,
  ...closingCases,
  ...negotiationCases,
  ...deflateCases,
];
