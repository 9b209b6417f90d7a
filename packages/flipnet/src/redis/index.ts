/** `flipnet/redis`: agents in many processes decide, one of them learns. The client of Redis is the user's own. */

export { Actor, type ActorOptions, openActor } from "./actor.ts";
export { applyEntry, type Entry } from "./events.ts";
export { type LearnerOptions, type Published, runLearner } from "./learner.ts";
export type { RedisClient } from "./port.ts";
