import type { ServerKind } from '../types';
import { mariadbRecipe, mysqlRecipe } from './mysql.recipe';
import { rabbitmqRecipe } from './rabbitmq.recipe';
import { redisRecipe } from './redis.recipe';
import type { Recipe } from './recipe';

export const RECIPES: Readonly<Record<ServerKind, Recipe>> = {
  mysql: mysqlRecipe,
  redis: redisRecipe,
  rabbitmq: rabbitmqRecipe,
  mariadb: mariadbRecipe,
};
