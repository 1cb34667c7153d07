import { keySlot } from '../../wire/key-slot.js';
import { keys } from '../../wire/keys.js';
import type { HealthOps } from '../contract/health.js';

export function healthOps(): HealthOps {
  return {
    async ping() {},

    async checkVersion() {},

    async facts() {
      return { version: 'memory', evictionPolicy: 'noeviction', clockSkewMs: 0 };
    },

    async missingRights() {
      return [];
    },

    async storeInfo() {
      return {};
    },

    async storeNodes() {
      return [];
    },

    async clusterSlot(queue) {
      return keySlot(keys.pending(queue));
    },

    async clusterNodes() {
      return [];
    },
  };
}
