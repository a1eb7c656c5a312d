import { RedisReplyError, RedisStartError, RedisUnavailableError, type RedisScript } from "./driver.ts";
import { OUT_OF_STEP, type Line } from "./line.ts";
import { replyArray, replyMap, replyText } from "./reply.ts";

export interface AdmissionOptions {
  readonly prefix: string;
  /** A key and a channel under `prefix` that this server has: what is asked of an ACL is asked for it. Nothing is written. */
  readonly name: string;
  readonly isCluster: boolean;
  readonly isSharded: boolean;
  /** Loaded into each server, so that the first call of each is in order with the second. */
  readonly scripts: readonly RedisScript[];
  /** What is amiss and can be lived with. */
  readonly warn: (line: string) => void;
}

const OLDEST = 7;
/** Of the 40 of a server's `run_id`: it goes with every call. */
const RUN_DIGITS = 16;

/** The commands that the broker uses, its scripts included, as arguments that Redis can parse. KEY and CHANNEL stand for those of the prefix. */
export const neededCommands: readonly string[] = [
  "DEL KEY",
  "EVALSHA x 1 KEY",
  "EXISTS KEY",
  "GET KEY",
  "PEXPIRE KEY 1",
  "PTTL KEY",
  "SET KEY v PX 1",
  "TIME",
  "XADD KEY 1-1 f v",
  "XLEN KEY",
  "XRANGE KEY - +",
  "XREVRANGE KEY + -",
  "XTRIM KEY MAXLEN 1",
  "ZADD KEY 1 m",
  "ZRANGE KEY 0 -1",
  "ZRANGEBYSCORE KEY 0 1",
  "ZREM KEY m",
  "ZREMRANGEBYSCORE KEY 0 1",
];
const neededOnChannels = ["PUBLISH CHANNEL m", "SUBSCRIBE CHANNEL", "UNSUBSCRIBE CHANNEL"];

/** Which of these this user may not run. `acl_check_cmd` only asks, and is there since Redis 7.0. KEYS: key. ARGV: channel, commands. */
const MAY_NOT = `
local no = {}
for at = 2, #ARGV do
  local command = {}
  for word in string.gmatch(ARGV[at], '%S+') do
    if word == 'KEY' then word = KEYS[1] elseif word == 'CHANNEL' then word = ARGV[1] end
    command[#command + 1] = word
  end
  if not redis.acl_check_cmd(unpack(command)) then no[#no + 1] = command[1] end
end
return no
`;

/** Looks at a server that has let a connection in: each time whether it is one to work with, the first time also whether it allows all that is needed. */
export class Admission {
  readonly #options: AdmissionOptions;
  #isKnown = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Returns the run of the server: a text that no other process of a server has, and "" where the user may not run INFO.
   * @throws RedisStartError what will not get better by itself. @throws RedisUnavailableError what may.
   */
  async admit(line: Line): Promise<string> {
    const { name } = this.#options;
    await this.#kind(line);
    // While it loads its data it answers HELLO, and nothing else.
    await line.call(["PING"]);
    // A Cluster that is not whole answers all but what has a key.
    if (this.#isKnown && this.#options.isCluster) await line.call(["EXISTS", name]);
    if (!this.#isKnown) {
      await this.#rights(line);
      await this.#memory(line);
    }
    if (this.#options.scripts.length > 0) await this.#load(line);
    const run = await this.#run(line);
    // Each answer is that of its own command: one too many or too few would be taken for that of another, for ever.
    const word = await line.call(["PING", name]);
    if (replyText(word) !== name) throw new RedisUnavailableError(OUT_OF_STEP, { maybeDone: false });
    this.#isKnown = true;
    return run;
  }

  /** HELLO is allowed to every user, unlike INFO and ROLE. */
  async #kind(line: Line): Promise<void> {
    const hello = replyMap(await line.call(["HELLO"]));
    const [server, version, mode, role] = ["server", "version", "mode", "role"].map((field) => replyText(hello.get(field)));
    const number = Number.parseInt(version as string, 10);
    if (Number.isNaN(number)) throw new RedisStartError("what answers there is not Redis (its HELLO names no version)");
    if (number < OLDEST) {
      throw new RedisStartError(`this is ${server} ${version}; give Redis ${OLDEST}.0 or later, or Valkey`);
    }
    const { isCluster } = this.#options;
    if (mode === "sentinel") throw new RedisStartError("this is a Sentinel; give ioredis the Sentinels as `sentinels`, with the `name` of the master");
    if (mode === "cluster" && !isCluster) {
      throw new RedisStartError("this server is one of a Redis Cluster, and the client knows only this one; give a Cluster client");
    }
    if (role !== "master" && !isCluster)
      throw new RedisUnavailableError("READONLY this server is a replica; give the address of its master", { maybeDone: false });
  }

  async #rights(line: Line): Promise<void> {
    const { name, isSharded, prefix } = this.#options;
    let no: readonly string[];
    try {
      const needed = [...neededCommands, ...neededOnChannels.map((command) => (isSharded ? `S${command}` : command))];
      const answer = await line.call(["EVAL", MAY_NOT, 1, name, name, ...needed]);
      no = replyArray(answer).map(replyText);
      const isOdd = !Array.isArray(answer) || no.some((command) => !/^[A-Z]+$/.test(command));
      if (isOdd) throw new RedisUnavailableError("the answer of a script is not what it returns", { maybeDone: false });
    } catch (error) {
      if (!(error instanceof RedisReplyError) || error.code !== "NOPERM") throw error;
      no = [error.message.includes("command") ? "EVAL" : `keys that begin with ${prefix}`];
    }
    if (no.length === 0) return;
    throw new RedisStartError(
      `this user of Redis may not use ${no.join(", ")} under the prefix ${prefix}; give it the rules: ~${prefix}:* &${prefix}:* +@connection +@read +@write +@pubsub +@scripting +time`,
    );
  }

  /** Redis deletes history and leases when it is out of memory, unless its policy is noeviction. */
  async #memory(line: Line): Promise<void> {
    let info: string;
    try {
      info = replyText(await line.call(["INFO", "memory"]));
    } catch (error) {
      if (!(error instanceof RedisReplyError)) throw error;
      return this.#options.warn("Redis: maxmemory-policy cannot be read, since this user may not run INFO; it must be noeviction, or Redis may delete history");
    }
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
    const policy = field("maxmemory_policy");
    if (field("maxmemory") === "0" || policy === "noeviction" || policy === "") return;
    this.#options.warn(
      `Redis: maxmemory-policy is ${policy}, so that Redis deletes history when its ${field("maxmemory_human")} are full, and clients are told that they missed something; set it to noeviction`,
    );
  }

  async #run(line: Line): Promise<string> {
    try {
      const info = replyText(await line.call(["INFO", "server"]));
      return /^run_id:([0-9a-f]{40})\r?$/m.exec(info)?.[1]?.slice(0, RUN_DIGITS) ?? "";
    } catch (error) {
      if (!(error instanceof RedisReplyError)) throw error;
      return "";
    }
  }

  async #load(line: Line): Promise<void> {
    const answers = await line.many(this.#options.scripts.map(({ text }) => ["SCRIPT", "LOAD", text]));
    for (const [at, { sha }] of this.#options.scripts.entries()) {
      const answer = answers[at];
      if (answer instanceof Error) throw answer;
      if (replyText(answer) !== sha) throw new RedisUnavailableError("the answer to SCRIPT LOAD is not the name of the script", { maybeDone: false });
    }
  }
}
