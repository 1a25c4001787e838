/** How a worker is started, for whoever has none. */
export const START_COMMAND = "docker run -e REDIS_URL=rediss://… dtq-worker";
