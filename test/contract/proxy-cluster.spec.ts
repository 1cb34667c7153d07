import { PROXY_CLUSTER } from '../support/redis-proxy.js';
import { describeThroughProxy } from './through-proxy.js';

describeThroughProxy('a proxy cluster', PROXY_CLUSTER);
