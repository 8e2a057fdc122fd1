import type { ServerKind } from '../types';
import { dtmRecipe } from './dtm.recipe';
import { mariadbRecipe, mysqlRecipe } from './mysql.recipe';
import { rabbitmqRecipe } from './rabbitmq.recipe';
import { redisRecipe } from './redis.recipe';
import type { Recipe } from './recipe';

export const RECIPES: Readonly<Record<ServerKind, Recipe>> = {
  mysql: mysqlRecipe,
  redis: redisRecipe,
  rabbitmq: rabbitmqRecipe,
  mariadb: mariadbRecipe,
  dtm: dtmRecipe,
};
