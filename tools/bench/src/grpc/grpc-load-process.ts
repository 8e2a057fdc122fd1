import { answerPlans } from '../load/answer-plans';
import { runGrpcLoad } from './run-grpc-load';

answerPlans(runGrpcLoad);
