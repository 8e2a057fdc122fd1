import { answerPlans } from './answer-plans';
import { runLoad } from './run-load';

answerPlans(runLoad);
