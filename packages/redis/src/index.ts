export { RedisStartError } from "./driver/driver.ts";
