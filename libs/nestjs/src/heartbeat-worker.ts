/** Entry `nestjs-asynq/heartbeat-worker`: the program of the heartbeat's thread, to be bundled beside an app's bundle. */
import '@nestjs-asynq/core/heartbeat-worker';
